"""The colours of lines, for every plot that there is."""

# Okabe and Ito's, which people of any colour vision tell apart; of a brightness that is seen on white and on black
LINES = ("#0d8bd9", "#e06c00", "#00a37a", "#d264a8", "#b58900", "#8a7fe8", "#c9403a", "#808080")
