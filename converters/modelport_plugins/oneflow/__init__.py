"""OneFlow: saved nn.Graph folders and state_dict folders, both read without OneFlow."""
