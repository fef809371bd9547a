import { Container, inject, injectable } from 'inversify'
import { describe, expect, it, vi } from 'vitest'
import { isServiceReference, type ListenerInstance, type ServiceReference } from '../src/instance-resolver.js'
import { InversifyInstances } from '../src/instance-resolver-inversify.js'

@injectable()
class Unit {}

@injectable()
class Repository {
  constructor(readonly unit: Unit) {}
}

@injectable()
class Listener {
  constructor(
    readonly unit: Unit,
    readonly repository: Repository,
  ) {}
}

@injectable()
class Handler {
  constructor(readonly unit: Unit) {}
}

@injectable()
class Filter {
  constructor(@inject('unit') readonly unit: unknown) {}
}

function instancesOf(di: Container): InversifyInstances {
  return new InversifyInstances({
    bind: (service) => di.bind(service),
    isBound: (service) => di.isBound(service),
    context: di,
  })
}

/** What a service is for a subject. */
async function made<T extends object>(
  instances: ReadonlyMap<ServiceReference, ListenerInstance>,
  service: abstract new (...args: never[]) => T,
  subject: object,
): Promise<T> {
  const instance = instances.get(service)
  if (instance === undefined) throw new Error(`no ${service.name}`)
  return (instance.scope === 'singleton' ? instance.instance : await instance.create(subject)) as T
}

describe('a service in request scope', () => {
  it('is one object for everything that is made for one record, and another one for the next', async () => {
    const di = new Container()
    di.bind(Unit).toSelf().inRequestScope()
    di.bind(Repository).toSelf().inTransientScope()
    di.bind(Listener).toSelf().inTransientScope()
    di.bind(Handler).toSelf().inTransientScope()
    const together = await instancesOf(di).together([Listener, Handler])
    const units = []
    for (const record of [{}, {}]) {
      const listener = await made(together, Listener, record)
      const handler = await made(together, Handler, record)
      expect(listener.repository.unit).toBe(listener.unit)
      expect(handler.unit).toBe(listener.unit)
      units.push(listener.unit)
    }
    expect(units[0]).not.toBe(units[1])
  })

  it('is found by who comes later for the same record: what was made together stays together', async () => {
    const di = new Container()
    for (const service of [Unit, Repository, Listener, Handler]) di.bind(service).toSelf().inRequestScope()
    const instances = instancesOf(di)
    const together = await instances.together([Listener, Handler])
    const record = {}
    expect(instances.madeFor(record, Handler)).toBeUndefined()
    const listener = await made(together, Listener, record)
    expect(instances.madeFor(record, Handler)).toMatchObject({ unit: listener.unit })
    expect(instances.madeFor(record, Filter)).toBeUndefined()
    expect(instances.madeFor({}, Handler)).toBeUndefined()
  })

  it('stays what it was inside a singleton, as inversify documents', async () => {
    const di = new Container()
    di.bind(Unit).toSelf().inRequestScope()
    di.bind(Repository).toSelf().inRequestScope()
    di.bind(Listener).toSelf().inSingletonScope()
    const together = await instancesOf(di).together([Listener])
    expect((await made(together, Listener, {})).unit).toBe((await made(together, Listener, {})).unit)
  })

  it('is one object per record where parts are made asynchronously, too', async () => {
    const di = new Container()
    di.bind(Unit)
      .toDynamicValue(() => Promise.resolve(new Unit()))
      .inRequestScope()
    di.bind(Repository).toSelf().inTransientScope()
    di.bind(Listener).toSelf().inTransientScope()
    di.bind(Handler).toSelf().inTransientScope()
    const together = await instancesOf(di).together([Listener, Handler])
    const record = {}
    const [listener, handler] = await Promise.all([made(together, Listener, record), made(together, Handler, record)])
    expect(handler.unit).toBe(listener.unit)
  })
})

describe('a transient service', () => {
  it('is an own object wherever it is injected', async () => {
    const di = new Container()
    for (const service of [Unit, Repository, Listener]) di.bind(service).toSelf().inTransientScope()
    const listener = await made(await instancesOf(di).together([Listener]), Listener, {})
    expect(listener.repository.unit).not.toBe(listener.unit)
  })

  it('is made anew although the DI container makes singletons by default', async () => {
    const di = new Container({ defaultScope: 'Singleton' })
    di.bind(Unit).toSelf().inRequestScope()
    di.bind(Repository).toSelf().inTransientScope()
    di.bind(Listener).toSelf().inTransientScope()
    di.bind(Handler).toSelf().inTransientScope()
    const together = await instancesOf(di).together([Listener, Handler])
    expect(await made(together, Listener, {})).not.toBe(await made(together, Listener, {}))
  })
})

describe('what a DI container is asked for', () => {
  it('is bound as a singleton when it is a class that nobody has bound', async () => {
    const di = new Container()
    const instances = instancesOf(di)
    expect(await instances.resolve(Unit)).toEqual({ scope: 'singleton', instance: di.get(Unit) })
  })

  it('is refused, with what is missing, when it cannot be made; for one record that keeps nothing of another', async () => {
    await expect(instancesOf(new Container()).resolve(Filter)).rejects.toThrow(/unit/)

    const di = new Container()
    let broken = false
    di.bind('unit').toDynamicValue(() => {
      if (broken) throw new Error('the database is away')
      return {}
    })
    di.bind(Filter).toSelf().inTransientScope()
    const together = await instancesOf(di).together([Filter])
    broken = true
    await expect(made(together, Filter, {})).rejects.toThrow('the database is away')
    broken = false
    await made(together, Filter, {})
  })

  it('leaves no rejection behind when one of several parts was never asked for', async () => {
    const di = new Container()
    let broken = false
    di.bind('unit').toDynamicValue(() => (broken ? Promise.reject(new Error('away')) : Promise.resolve({})))
    di.bind(Unit).toSelf().inRequestScope()
    di.bind(Filter).toSelf().inTransientScope()
    di.bind(Handler).toSelf().inTransientScope()
    const together = await instancesOf(di).together([Filter, Handler])
    broken = true
    await expect(made(together, Filter, {})).rejects.toThrow('away')
  })

  it('is nothing, one or several under a name that may be bound several times', async () => {
    const di = new Container()
    const instances = instancesOf(di)
    expect(await instances.all('source')).toEqual([])
    di.bind('source').toConstantValue(1)
    di.bind('source').toDynamicValue(() => Promise.resolve(2))
    expect(await instances.all('source')).toEqual([1, 2])
  })
})

describe('the reference of a service', () => {
  // What compilers for old JavaScript make of a class.
  const Compiled = function Compiled(): void {}
  Compiled.prototype.recover = () => 'RELEASE'

  it.each([
    ['a text', 'orders'],
    ['a symbol', Symbol('orders')],
    ['a class', Listener],
    ['a class without anything in it', class {}],
    ['a class as old JavaScript has it', Compiled],
  ])('is %s', (_what, given) => {
    expect(isServiceReference(given)).toBe(true)
  })

  it.each([
    ['a function', function recover(): void {}],
    ['an arrow function', () => undefined],
    ['an async function', async () => Promise.resolve()],
    ['a method', { recover(): void {} }.recover],
    ['a bound function', Listener.bind(null)],
    ['a spy', vi.fn<() => void>()],
    ['an instance', new Unit()],
    ['nothing', undefined],
    ['null', null],
  ])('is not %s', (_what, given) => {
    expect(isServiceReference(given)).toBe(false)
  })
})
