"""The transparency log: statements are leaves of a Merkle tree, published and cosigned."""
