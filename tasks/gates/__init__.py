"""Gates: Great Expectations suites between the stages."""
