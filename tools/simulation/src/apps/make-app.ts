import type { App, AppKind, AppSurroundings } from './app.js'
import { ContainerApp } from './container-app.js'
import { ContinuousApp } from './continuous-app.js'
import { PollApp } from './poll-app.js'
import { StreamApp } from './stream-app.js'

export function makeApp(kind: AppKind, around: AppSurroundings): App {
  switch (kind) {
    case 'implicit':
    case 'explicit':
      return new PollApp(around, kind)
    case 'continuous':
      return new ContinuousApp(around)
    case 'container':
      return new ContainerApp(around, 'batch')
    case 'window':
      return new ContainerApp(around, 'window')
    case 'records':
    case 'batches':
      return new StreamApp(around, kind)
  }
}
