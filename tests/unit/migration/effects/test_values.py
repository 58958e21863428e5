"""Ports for the time, ids, chance and waiting."""

from migration.effects import now, randomness, sleep, unix_time, uuid4


async def everything():
    drawn = randomness("dice")
    await sleep(0.0)
    return now(), unix_time(), uuid4("order"), [drawn.random() for _ in range(5)]


async def test_a_replay_reads_what_the_run_read(recorded, replayed):
    told = []

    async def run():
        told.append(await everything())

    journal = await recorded(run)
    again, replay = await replayed(everything, journal)
    assert (again, replay.tally.missing) == (told[0], 0)


async def test_outside_of_a_run_they_just_do_it():
    first, second = await everything(), await everything()
    assert first[2] != second[2]
    assert first[3] != second[3]
