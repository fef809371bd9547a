import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { classPathOf, findJava, kafkaClassPath } from '@milena/tools-kafka'

/** Records asked for per fetch; `default`: the subject's own choice. */
export type FetchSize = number | 'default'

export interface Subject {
  readonly id: string
  readonly title: string
  /** Who is compared with whom: ratios are taken to the faster of the java modes, to spring, and to kafkats. */
  readonly family: 'milena' | 'java' | 'spring' | 'kafka-tool' | 'kafkats'
  /** Has defaults worth measuring, besides the fetch sizes that all are given. */
  readonly runsWithDefaults: boolean
  command(run: SubjectRun): Command
}

/** One consumption of a topic by one subject. */
export interface SubjectRun {
  readonly bootstrapServers: string
  readonly topic: string
  readonly groupId: string
  readonly records: number
  readonly fetch: FetchSize
  /** A folder for CPU profiles, if they are wanted. */
  readonly profileFolder: string | undefined
}

export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

const benchmarksFolder = fileURLToPath(new URL('../..', import.meta.url))
const JVM_OPTIONS = ['-Xms512m', '-Xmx512m', '-XX:-UsePerfData']

/** All subjects, Java's compiled and with their class paths; `ids` limits them. */
export async function prepareSubjects(
  ids: readonly string[] | undefined,
  progress: (line: string) => void,
): Promise<Subject[]> {
  const java = new JavaCommands()
  const all: Subject[] = [
    milena('milena-implicit', 'Milena ShareConsumer, implicit', 'milena-share-consumer', 'implicit'),
    milena('milena-explicit', 'Milena ShareConsumer, explicit', 'milena-share-consumer', 'explicit'),
    milena('milena-container', 'Milena container, plain listener', 'milena-container', 'explicit'),
    milena('milena-decorated', 'Milena container, decorated listener', 'milena-decorated', 'explicit'),
    java.shareConsumer('java-implicit', 'Java KafkaShareConsumer, implicit', 'implicit'),
    java.shareConsumer('java-explicit', 'Java KafkaShareConsumer, explicit', 'explicit'),
    java.springContainer('spring', "Spring's ShareKafkaMessageListenerContainer"),
    java.performanceTool('kafka-tool', "Kafka's ShareConsumerPerformance"),
    {
      id: 'kafkats',
      title: '@kafkats/client, concurrency as large',
      family: 'kafkats',
      runsWithDefaults: false,
      command: (run) => nodeCommand('kafkats', run, 'explicit'),
    },
  ]
  const unknown = ids?.find((id) => !all.some((subject) => subject.id === id))
  if (unknown !== undefined) {
    throw new Error(
      `There is no subject '${unknown}'. The subjects are: ${all.map((subject) => subject.id).join(', ')}.`,
    )
  }
  const chosen = ids === undefined ? all : all.filter((subject) => ids.includes(subject.id))
  await java.prepare(chosen, progress)
  return chosen
}

function milena(id: string, title: string, program: string, mode: string): Subject {
  return {
    id,
    title,
    family: 'milena',
    runsWithDefaults: true,
    command: (run) => nodeCommand(program, run, mode, run.profileFolder),
  }
}

function nodeCommand(program: string, run: SubjectRun, mode: string, profileFolder?: string): Command {
  const script = fileURLToPath(new URL(`../subjects/${program}.js`, import.meta.url))
  const profiling =
    profileFolder === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${run.groupId}.cpuprofile`]
  if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true })
  return { program: process.execPath, args: [...profiling, script, ...positional(run), mode] }
}

function positional({ bootstrapServers, topic, groupId, records, fetch }: SubjectRun): string[] {
  return [bootstrapServers, topic, groupId, String(records), String(fetch)]
}

/** The subjects on a JVM: programs of this folder's, and a tool of Kafka's. */
class JavaCommands {
  #java = ''
  #ownClassPath = ''
  #toolClassPath = ''

  async prepare(chosen: readonly Subject[], progress: (line: string) => void): Promise<void> {
    this.#java = await findJava()
    if (chosen.some(({ family }) => family === 'java' || family === 'spring')) {
      const nameOf = (): string => "Kafka's Java client and Spring for Apache Kafka"
      const source = { folder: join(benchmarksFolder, 'java'), sources: 'src/main/java/milena/benchmarks', nameOf }
      this.#ownClassPath = await classPathOf(source, progress)
    }
    if (chosen.some(({ family }) => family === 'kafka-tool'))
      this.#toolClassPath = await kafkaClassPath('command-line', progress)
  }

  shareConsumer(id: string, title: string, mode: string): Subject {
    return this.#own(id, title, 'java', (run) => ['ShareConsume', ...positional(run), mode])
  }

  springContainer(id: string, title: string): Subject {
    return this.#own(id, title, 'spring', (run) => ['SpringConsume', ...positional(run)])
  }

  #own(
    id: string,
    title: string,
    family: Subject['family'],
    words: (run: SubjectRun) => readonly [program: string, ...args: string[]],
  ): Subject {
    return {
      id,
      title,
      family,
      runsWithDefaults: false,
      command: (run) => {
        const [program, ...args] = words(run)
        return {
          program: this.#java,
          args: [...JVM_OPTIONS, '-cp', this.#ownClassPath, `milena.benchmarks.${program}`, ...args],
        }
      },
    }
  }

  performanceTool(id: string, title: string): Subject {
    return {
      id,
      title,
      family: 'kafka-tool',
      runsWithDefaults: false,
      command: ({ bootstrapServers, topic, groupId, records, fetch }) => ({
        program: this.#java,
        args: [
          ...JVM_OPTIONS,
          '-cp',
          this.#toolClassPath,
          'org.apache.kafka.tools.ShareConsumerPerformance',
          ...['--bootstrap-server', bootstrapServers, '--topic', topic, '--group', groupId],
          ...['--num-records', String(records), '--timeout', '60000'],
          ...['--command-property', `max.poll.records=${fetch}`],
          ...['--show-detailed-stats', '--reporting-interval', '100', '--hide-header'],
        ],
      }),
    }
  }
}
