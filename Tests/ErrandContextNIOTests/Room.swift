// Tests of ErrandContextNIO.
