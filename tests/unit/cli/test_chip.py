"""`rheobase chip`."""


def test_a_configuration_that_is_not_there_is_named(rheobase):
    result = rheobase("chip", "report", "nowhere.json")
    assert result.code == 2
    assert "nowhere.json" in result.out + result.err
