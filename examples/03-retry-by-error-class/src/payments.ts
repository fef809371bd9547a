import { injectable } from 'inversify'
import { z } from 'zod'

export const PaymentSchema = z.object({ id: z.string(), cents: z.number().int().positive() })
export type Payment = z.infer<typeof PaymentSchema>

/** The bank's line is slow now and then. */
export class BankTimeoutError extends Error {
  override readonly name = 'BankTimeoutError'
}

/** What the bank has to do with us. It knows nothing of Kafka. */
@injectable()
export class Bank {
  readonly #asked = new Set<string>()
  charged = 0

  async charge({ id }: Payment): Promise<void> {
    if (id.startsWith('stolen')) throw new Error(`The card of ${id} is stolen.`)
    if (id.startsWith('slow') && !this.#asked.has(id)) {
      this.#asked.add(id)
      // As libraries do: their own error, and what was behind it as its cause.
      throw new Error(`${id} could not be charged.`, { cause: new BankTimeoutError('No answer after 2 s.') })
    }
    this.charged++
  }
}
