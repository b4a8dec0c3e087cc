"""The way into a consortium: from what a caller sends to its verdicts, under a checkpoint with its quorum.

`submitter` groups, sends, sends again and answers · `request` what one caller sent, on its way · `pending` who waits for which
transaction · `refusals` what is recorded of those who were refused
"""
