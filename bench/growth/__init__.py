"""How the cost of one operation grows with the number of them."""
