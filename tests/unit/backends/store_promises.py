"""What a store that is no SQL database promises beyond the kit: the SQL stores' promises that need no SQL."""

from __future__ import annotations

from catalog_tool.sync.conformance import BackendConformance

from .sql_conformance import SqlConformance


class StorePromises(BackendConformance):
    """The kit, and what is said of every transactional store."""

    test_moves_at_once_lose_nothing = SqlConformance.test_moves_at_once_lose_nothing
    test_steps_on_one_object_follow_each_other = SqlConformance.test_steps_on_one_object_follow_each_other
    test_a_version_goes_only_after_the_label_in_the_same_batch = (
        SqlConformance.test_a_version_goes_only_after_the_label_in_the_same_batch
    )
    test_a_scan_goes_on_while_others_write = SqlConformance.test_a_scan_goes_on_while_others_write
    test_what_a_writer_calls_itself_may_be_anything = SqlConformance.test_what_a_writer_calls_itself_may_be_anything
    test_values_come_back_byte_for_byte_or_are_refused = (
        SqlConformance.test_values_come_back_byte_for_byte_or_are_refused
    )
    test_keys_that_mean_something_elsewhere_and_a_mebibyte = (
        SqlConformance.test_keys_that_mean_something_elsewhere_and_a_mebibyte
    )
    test_names_that_no_key_can_hold_are_refused_and_the_rest_is_written = (
        SqlConformance.test_names_that_no_key_can_hold_are_refused_and_the_rest_is_written
    )
