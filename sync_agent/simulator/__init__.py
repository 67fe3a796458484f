"""An embedded Microsoft 365 (Entra, Graph, SharePoint) on HTTPS, for the demo, the tests, and trying settings.

Reached only by ``clouds:`` and ``site_url`` in the settings: nothing else in the product knows of it.
"""
