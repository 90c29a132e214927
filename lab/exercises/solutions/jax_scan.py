def my_jax_scan(x, W_e, W_x, W_h, W_y):
    z = W_e.T[x]  # embeddings, (L, n_emb): one row a step
    h_0 = jnp.zeros(len(W_h), W_h.dtype)

    def step(h_tm1, z_t):
        h_t = jnp.tanh(W_x @ z_t + W_h @ h_tm1)
        return h_t, h_t

    _, h = lax.scan(step, h_0, z)
    return jax.nn.softmax(h @ W_y.T)
