// 10: scaling over processes.
//
// A share group grows by starting the same program once more, on this machine or another: the members add up, and the broker
// deals the records out to all of them. There is nothing to rebalance, and more members than partitions is no waste.
//
// To notice: two partitions, and nine members that all get work (worker.ts is one process of three); a process that is asked to
// end gives back at once what it has not begun; and each record is handled once, whoever was there.
import { onStage } from '@milena/example-stage'
import { WorkerProcess } from './worker-process.js'

const PROCESSES = 3
const MEMBERS_EACH = 3
const RECORDS = 900

await onStage({ name: 'scaling', about: '10: scaling over processes', partitions: 2 }, async (stage) => {
  const workers: WorkerProcess[] = []
  const membersOf = async (): Promise<number> => {
    const [description] = await stage.admin.describeShareGroups([stage.group])
    return description?.members.length ?? 0
  }
  try {
    for (let count = 1; count <= PROCESSES; count++) {
      workers.push(await WorkerProcess.start([stage.bootstrapServers, stage.topic, stage.group, String(MEMBERS_EACH)]))
      stage.check(
        `members with ${count === 1 ? '1 process' : `${count} processes`}`,
        await membersOf(),
        count * MEMBERS_EACH,
      )
    }

    await stage.produce(Array.from({ length: RECORDS }, (_, number) => `job ${number}`))
    const handled = (): number => workers.reduce((sum, worker) => sum + worker.handled, 0)
    await stage.until('a third of the work is done', () => handled() >= RECORDS / 3)
    await workers[0]?.end()
    stage.check('members when one process has ended', await membersOf(), (PROCESSES - 1) * MEMBERS_EACH)
    await stage.untilFinished()
    await stage.until('the workers have told', () => handled() >= RECORDS)

    console.log('')
    for (const [index, { handled, handledByMember }] of workers.entries()) {
      console.log(`  process ${index + 1} handled ${handled} records (its members: ${handledByMember.join(', ')})`)
    }
    stage.check('records handled', handled(), RECORDS)
    stage.check(
      'members that got work',
      workers.flatMap((worker) => worker.handledByMember).length,
      PROCESSES * MEMBERS_EACH,
    )
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
  }
})
