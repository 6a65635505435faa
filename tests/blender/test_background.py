# SPDX-License-Identifier: GPL-3.0-or-later
"""Work beside the window: in order, and what follows happens on the thread that collects."""

import threading

from speak.speak_addon.background import Background


def test_work_is_done_in_order_beside_and_followed_up_where_it_is_collected():
    background, order, threads = Background(), [], []
    gate = threading.Event()

    def work(number):
        def run():
            gate.wait(10)
            order.append(number)
            assert threading.current_thread() is not threading.main_thread()
            return lambda: threads.append((number, threading.current_thread()))

        return run

    for number in range(3):
        background.run(work(number))
    assert background.busy
    assert not background.collect()
    gate.set()
    background.settle(10)
    assert order == [0, 1, 2]
    assert background.collect()
    assert threads == [(number, threading.main_thread()) for number in range(3)]
    assert not background.busy


def test_a_mistake_in_one_does_not_stop_the_next(capsys):
    background, seen = Background(), []

    def fail():
        raise ValueError("a mistake")

    background.run(fail)
    background.run(lambda: seen.append(1))
    background.settle(10)
    assert seen == [1]
    assert "a mistake" in capsys.readouterr().err
