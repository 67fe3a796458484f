"""sync-agent: keeps a contact centre's SharePoint Agent list right. See README.md for the layout."""

__version__ = "0.1.0"
