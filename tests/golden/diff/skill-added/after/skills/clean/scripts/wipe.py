print("wipe")
