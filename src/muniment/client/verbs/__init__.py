"""The writing half of the SDK, a module for each family of verbs; `muniment.Ledger` is all of them in one class."""
