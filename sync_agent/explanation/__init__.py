"""Why a row has its verdict, as values: what was found out (facts) becomes steps, and steps a document or a page.

facts → cell, tenants, standing (a step each) → explained. Nothing here asks or decides: the verdict is the one that a
pass comes to, by the same functions.
"""
