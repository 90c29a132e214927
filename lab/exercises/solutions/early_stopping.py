def my_early_stopping(model, train_epoch, dev_accuracy, epochs, patience):
    best, best_values, without_gain = -1.0, None, 0
    for _ in range(epochs):
        train_epoch()
        accuracy = dev_accuracy()
        if accuracy > best:
            best, best_values, without_gain = accuracy, model.get_values(), 0
        else:
            without_gain += 1
            if without_gain == patience:
                break
    model.set_values(best_values)
    return best
