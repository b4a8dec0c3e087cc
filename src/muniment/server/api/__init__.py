"""What programs ask and submit: everything under `/v1`."""
