/** How the records of a batch are compressed; the numbers are Kafka's. */
export const CompressionType = { NONE: 0, GZIP: 1, SNAPPY: 2, LZ4: 3, ZSTD: 4 } as const
export type CompressionType = (typeof CompressionType)[keyof typeof CompressionType]

/** The values of `compression.type`. */
export type CompressionName = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const NAMES: readonly CompressionName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Kafka's name of a compression type, or undefined for a number that Kafka has not defined. */
export function compressionName(type: number): CompressionName | undefined {
  return NAMES[type]
}

/** The type that a name stands for, or undefined for a name that Kafka does not have. */
export function compressionTypeOf(name: string): CompressionType | undefined {
  const index = (NAMES as readonly string[]).indexOf(name)
  return index < 0 ? undefined : (index as CompressionType)
}
