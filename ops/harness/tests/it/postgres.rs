use warren_harness::Postgres;

#[test]
fn two_tests_get_two_databases() {
    let (one, two) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    one.sql("CREATE TABLE t (a int)").unwrap();
    assert_ne!(one.url(), two.url());
    assert!(two.sql("SELECT * FROM t").is_err());
    assert_eq!(one.sql("SELECT count(*) FROM t").unwrap().trim(), "0");
}
