import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// The built command in a process of its own: how it ends.

const command = fileURLToPath(new URL('../../dist/command/milena-broker.js', import.meta.url))

const run = (...words: string[]): ChildProcessWithoutNullStreams => spawn(process.execPath, [command, ...words])

/** Where it listens, once it says so. */
function portIn(text: string): number | undefined {
  const port = /Connect to 127\.0\.0\.1:(\d+)/.exec(text)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** Waits for the end; kills what does not come to one. */
async function ending(child: ChildProcessWithoutNullStreams) {
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  return { code, output, errors }
}

describe('The command milena-broker', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with 0 within a second of %s, while a client is connected',
    async (signal) => {
      const child = run('--port', '0', '--topic', 'orders')
      const end = ending(child)
      let began = 0
      child.stdout.on('data', (text: string) => {
        const port = portIn(text)
        if (port === undefined) return
        connect(port, '127.0.0.1', () => {
          began = performance.now()
          child.kill(signal)
        }).on('error', () => undefined)
      })
      expect(await end).toMatchObject({ code: 0, errors: '', output: expect.stringMatching(/Stopped\.\n$/) })
      expect(performance.now() - began).toBeLessThan(1000)
    },
  )

  it('explains itself and ends with 0', async () => {
    expect(await ending(run('--help'))).toMatchObject({
      code: 0,
      output: expect.stringContaining('--topic'),
      errors: '',
    })
  })

  it.each([
    [['--nope'], /--nope/],
    [['--port', 'x'], /--port is a whole number/],
    [['--port', '0', '--topic', 'a:b'], /"a:b" names no topic/],
    [['--port', '0', '--property', 'foo=1'], /"foo"/],
  ])('ends with 2 and one sentence for %j', async (words, sentence) => {
    const { code, errors } = await ending(run(...words))
    expect(code).toBe(2)
    expect(errors).toMatch(/^milena-broker: .*\n$/)
    expect(errors).toMatch(sentence)
  })

  it('ends with 1 when its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { code, errors } = await ending(run('--port', String(port)))
    server.close()
    expect(code).toBe(1)
    expect(errors).toMatch(new RegExp(`^milena-broker: .*127\\.0\\.0\\.1:${port}.*EADDRINUSE.*\\n$`))
  })

  it('ends when nobody reads it any more', async () => {
    const child = run('--port', '0')
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const port = portIn(text)
      if (port === undefined) return
      child.stdout.destroy()
      // What comes in has the command say something.
      const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n')).on(
        'error',
        () => undefined,
      )
    })
    const [code] = (await once(child, 'exit')) as [number | null]
    clearTimeout(timer)
    expect(code).toBe(0)
  })
})
