print('wipe')
