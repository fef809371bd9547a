import { abortedError } from '../network/aborted.js'

/** `work`, except that the caller stops waiting for it when the signal fires. The work itself goes on for others. */
export function abandonable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(abortedError(signal))
    if (signal.aborted) {
      work.catch(() => undefined)
      aborted()
      return
    }
    signal.addEventListener('abort', aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
