//! What the compiler says to wrong use.

#[test]
fn wrong_use_is_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
