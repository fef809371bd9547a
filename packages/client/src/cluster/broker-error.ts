import { errorMessageOf, errorName, KafkaBrokerError } from '@milena/protocol'

/**
 * The KafkaBrokerError for an error code in an answer.
 * `detail` is the broker's own text, if it gave one; `about` names what the code is about, such as a topic or a group.
 */
export function brokerError(api: string, errorCode: number, detail: string | null, about?: string): KafkaBrokerError {
  const subject = about === undefined ? '' : ` for ${about}`
  const said = (detail ?? '').trim() === '' ? '' : ` The broker says: ${detail}`
  return new KafkaBrokerError(
    `${api} failed${subject} with ${errorName(errorCode)}: ${errorMessageOf(errorCode)}${said}`,
    {
      errorCode,
      api,
    },
  )
}
