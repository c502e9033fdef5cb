//! Tests of this function.
