"""What happens: services with constructor-injected parts."""
