"""How CometBFT asks: the messages of ABCI 2.0 and a server for its four connections."""
