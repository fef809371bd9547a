import { VirtualClock } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AgedList, AgeLimit, type Aged } from '../src/aged-list.js'

class Entry implements Aged<Entry> {
  since = 0
  list: AgedList<Entry> | undefined
  older: Entry | undefined
  newer: Entry | undefined

  constructor(readonly name: number) {}
}

test('a list keeps its entries by age, as an array would', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'add to the other', 'remove'), fc.nat(5))), (steps) => {
      const entries = Array.from({ length: 6 }, (_, name) => new Entry(name))
      const lists = [new AgedList<Entry>(), new AgedList<Entry>()] as const
      const models: number[][] = [[], []]
      const leave = (name: number): void => {
        for (const model of models) if (model.includes(name)) model.splice(model.indexOf(name), 1)
      }
      steps.forEach(([what, name], now) => {
        const entry = entries[name]
        if (entry === undefined) return
        if (what === 'remove') {
          lists[0].remove(entry)
          models[0]?.splice(0, models[0].length, ...models[0].filter((each) => each !== name))
          return
        }
        const at = what === 'add' ? 0 : 1
        leave(name)
        models[at]?.push(name)
        lists[at].add(entry, now)
      })
      lists.forEach((list, at) => {
        expect(list.all().map(({ name }) => name)).toEqual(models[at])
        expect(list.size).toBe(models[at]?.length)
        expect(list.oldest?.name).toBe(models[at]?.[0])
      })
    }),
  )
})

test('an age limit tells each entry that gets too old, once, with one timer', async () => {
  const clock = new VirtualClock()
  const list = new AgedList<Entry>()
  const told: string[] = []
  const limit = new AgeLimit({
    clock,
    list,
    limitMs: 100,
    onOverdue: ({ name, list: where }) => told.push(`${name} at ${clock.now()} ${where === undefined}`),
  })
  const began = clock.now()
  const entries = [0, 1, 2].map((name) => new Entry(name))
  for (const entry of entries) {
    list.add(entry, clock.now())
    limit.added()
    await clock.advance(30)
  }
  expect(clock.pendingTimers).toBe(1)
  if (entries[1] !== undefined) list.remove(entries[1])
  await clock.advance(1_000)
  expect(told).toEqual([`0 at ${began + 100} true`, `2 at ${began + 160} true`])
  expect(clock.pendingTimers).toBe(0)
})

test('a limit that is closed tells nothing', async () => {
  const clock = new VirtualClock()
  const list = new AgedList<Entry>()
  const told: Entry[] = []
  const limit = new AgeLimit({ clock, list, limitMs: 100, onOverdue: (entry) => told.push(entry) })
  list.add(new Entry(0), clock.now())
  limit.added()
  limit.close()
  limit.added()
  await clock.advance(1_000)
  expect(told).toEqual([])
  expect(clock.pendingTimers).toBe(0)
})
