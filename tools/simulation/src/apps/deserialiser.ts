import type { Deserializer } from '@milena/client'

/** How the values begin that the applications' deserialiser cannot read. */
export const UNDECODABLE = 'bad'

export const readValue: Deserializer<string> = {
  deserialize(bytes: Buffer | null): string {
    const text = bytes?.toString() ?? ''
    if (text.startsWith(UNDECODABLE)) throw new Error('This value cannot be read.')
    return text
  },
}
