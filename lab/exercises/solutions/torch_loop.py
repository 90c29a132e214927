def my_torch_loop(x, W_e, W_x, W_h, W_y):
    z = W_e.T[x]  # embeddings, (L, n_emb): one row a step
    h_t = W_h.new_zeros(len(W_h))  # h_0 = 0, of the dtype of W_h
    h = []  # h_1 ... h_L
    for z_t in z:
        h_t = torch.tanh(W_x @ z_t + W_h @ h_t)
        h.append(h_t)
    return torch.softmax(torch.stack(h) @ W_y.T, -1)
