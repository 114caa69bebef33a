// Tests of ErrandContextFoundation.
