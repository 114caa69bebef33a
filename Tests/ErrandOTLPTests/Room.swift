// Tests of ErrandOTLP.
