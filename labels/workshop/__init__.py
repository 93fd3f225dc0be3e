"""The prompt workshop: prompt versions, tried on audited pairs before they are paid for."""
