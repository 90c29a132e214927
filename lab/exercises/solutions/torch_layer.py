def my_torch_layer(W_e, W_x, W_h, W_y):
    (n_emb, n_words), (n_tags, n_hidd) = W_e.shape, W_y.shape
    embedding = nn.Embedding(n_words, n_emb, dtype=W_e.dtype)
    layer = nn.RNN(n_emb, n_hidd, bias=False, dtype=W_e.dtype)
    output = nn.Linear(n_hidd, n_tags, bias=False, dtype=W_e.dtype)
    with torch.no_grad():
        embedding.weight.copy_(W_e.T)
        layer.weight_ih_l0.copy_(W_x)
        layer.weight_hh_l0.copy_(W_h)
        output.weight.copy_(W_y)
    return embedding, layer, output
