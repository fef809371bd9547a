import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findJava, kafkaClassPath } from '@milena/tools-kafka'
import { wordsOf, type MemberOrder } from './member-lines.js'

/** A program that is a member. */
export interface Subject {
  readonly id: SubjectId
  readonly title: string
  /** Whether a broken promise makes the command fail. */
  readonly isMilena: boolean
  command(order: MemberOrder): { readonly program: string; readonly args: readonly string[] }
}

export const SUBJECT_IDS = ['milena-consumer', 'milena-container', 'java'] as const
export type SubjectId = (typeof SUBJECT_IDS)[number]

const folder = fileURLToPath(new URL('..', import.meta.url))

/** The subjects that these words name (`milena`: both of Milena's), ready to run. */
export async function prepareSubjects(
  words: readonly string[],
  progress: (line: string) => void,
): Promise<readonly Subject[]> {
  const ids = new Set(words.flatMap((word) => (word === 'milena' ? ['milena-consumer', 'milena-container'] : [word])))
  for (const id of ids) {
    if (!SUBJECT_IDS.some((known) => known === id)) {
      throw new Error(`There is no subject '${id}'. The subjects are: milena, ${SUBJECT_IDS.join(', ')}.`)
    }
  }
  const subjects: Subject[] = []
  if (ids.has('milena-consumer')) subjects.push(onNode('milena-consumer', 'Milena ShareConsumer'))
  if (ids.has('milena-container')) subjects.push(onNode('milena-container', 'Milena container'))
  if (ids.has('java')) subjects.push(await onJava(progress))
  return subjects
}

function onNode(id: SubjectId, title: string): Subject {
  const script = fileURLToPath(new URL(`members/${id}.js`, import.meta.url))
  return {
    id,
    title,
    isMilena: true,
    command: (order) => ({ program: process.execPath, args: [script, ...wordsOf(order)] }),
  }
}

async function onJava(progress: (line: string) => void): Promise<Subject> {
  const java = await findJava()
  const pom = join(folder, 'java', 'pom.xml')
  progress('Compiling the Java member …')
  await maven(pom)
  const classPath = `${join(folder, 'java', 'target', 'classes')}:${await kafkaClassPath('broker', progress)}`
  return {
    id: 'java',
    title: 'Java KafkaShareConsumer',
    isMilena: false,
    command: (order) => ({
      program: java,
      args: [
        '-Xmx256m',
        '-XX:+UseSerialGC',
        '-XX:-UsePerfData',
        '-cp',
        classPath,
        'milena.chaos.ChaosMember',
        ...wordsOf(order),
      ],
    }),
  }
}

function maven(pom: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('mvn', ['-q', '-B', '-f', pom, 'compile'], (error, stdout, stderr) => {
      if (error === null) resolve()
      else reject(new Error(`Maven could not compile ${pom}:\n${stdout}${stderr}${error.message}`))
    })
  })
}
