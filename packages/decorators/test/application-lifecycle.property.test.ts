import { KafkaError } from '@milena/protocol'
import fc from 'fast-check'
import { Container } from 'inversify'
import { expect, it, vi } from 'vitest'
import { KafkaListener, kafkaModule, KafkaTokens, startKafkaListeners } from '../src/index.js'
import { FakeKafka, keptLog, quiet } from './fake-kafka.js'

// Whoever interferes with an application, and whenever: nothing is left open, and nothing is answered twice.

class Listener {
  @KafkaListener({ id: 'early', topics: 'orders', phase: -1 })
  @KafkaListener({ id: 'late', topics: 'orders', concurrency: 2 })
  async on(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const steps = ['join', 'join all', 'fail to join', 'record', 'stop', 'stop by registry', 'signal', 'wait'] as const

it('an application that is started, stopped and signalled in any order comes to rest, with everything closed', async () => {
  const others = (): void => undefined
  process.on('SIGUSR2', others)
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as never)
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...steps), { maxLength: 10 }), async (story) => {
        const kafka = new FakeKafka()
        const joining: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
        let open = false
        kafka.join = () =>
          open ? Promise.resolve() : new Promise((resolve, reject) => joining.push({ resolve, reject }))
        const di = new Container()
        di.load(
          kafkaModule({
            client: { bootstrapServers: 'nowhere:1' },
            logger: keptLog().logger,
            containerFactories: { default: { ...kafka.factory, shutdownTimeoutMs: 50 } },
            listeners: [Listener],
          }),
        )
        const handle = di.get(KafkaTokens.Listeners)
        const handlers = process.listenerCount('SIGUSR2')
        const start = startKafkaListeners(di, { signals: ['SIGUSR2'] }).then(
          () => 'started',
          (error: unknown) => (KafkaError.is(error) ? error.code : String(error)),
        )
        const stops: Promise<void>[] = []
        const doing: Record<(typeof steps)[number], () => unknown> = {
          join: () => joining.shift()?.resolve(),
          'join all': () => {
            open = true
            for (const each of joining.splice(0)) each.resolve()
          },
          'fail to join': () => joining.shift()?.reject(new Error('no broker')),
          record: () => void kafka.bring('orders', 1),
          stop: () => stops.push(handle.stop()),
          'stop by registry': () => stops.push(handle.registry.stop()),
          signal: () => process.emit('SIGUSR2'),
          wait: quiet,
        }
        for (const step of story) await doing[step]()

        doing['join all']()
        const outcome = await start
        const interrupted = story.some((step) => step.startsWith('stop') || step === 'signal')
        expect(['started', 'START_CANCELLED', 'Error: no broker']).toContain(outcome)
        if (!interrupted && !story.includes('fail to join')) expect(outcome).toBe('started')
        await handle.stop()
        await Promise.all(stops)
        await quiet()
        expect(kafka.members.every(({ closed }) => closed)).toBe(true)
        expect(handle.isRunning).toBe(false)
        for (const container of handle.registry.allContainers) expect(['stopped', 'failed']).toContain(container.state)
        expect(process.listenerCount('SIGUSR2')).toBe(handlers)
        for (const { answers } of kafka.members) expect(new Set(answers).size).toBe(answers.length)
      }),
      { numRuns: 60 },
    )
  } finally {
    exit.mockRestore()
    process.removeListener('SIGUSR2', others)
  }
})
