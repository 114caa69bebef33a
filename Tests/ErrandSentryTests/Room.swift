// Tests of ErrandSentry.
