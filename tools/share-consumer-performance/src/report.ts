// The lines of ShareConsumerPerformance: columns, their order and their digits are what scripts read.

import type { DateFormat } from './date-format.js'

/** Consumption in a span of time, which begins and ends at milliseconds since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly bytes: number
  readonly records: number
}

const MEBIBYTE = 1_048_576

export const HEADER =
  'start.time, end.time, data.consumed.in.MB, MB.sec, nMsg.sec, data.consumed.in.nMsg, fetch.time.ms'

/** The whole group, from start to end. */
export function groupLine(span: Span, dateFormat: DateFormat): string {
  return columns(span, span, dateFormat)
}

/** One consumer at the end. Numbers of consumers begin with 1. */
export function consumerLine(consumer: number, clientId: string, span: Span, dateFormat: DateFormat): string {
  return `Share consumer ${consumer} having client id ${clientId} consumption metrics- ${columns(span, span, dateFormat)}`
}

/** One consumer on its way: all that it consumed so far, and the rates of the span since its last report. */
export function progressLine(consumer: number, total: Span, recent: Span, dateFormat: DateFormat): string {
  return `${columns(total, recent, dateFormat)} for share consumer ${consumer}`
}

function columns(total: Pick<Span, 'bytes' | 'records'>, recent: Span, dateFormat: DateFormat): string {
  const elapsed = recent.to - recent.from
  const perSecond = (amount: number): string => ((amount * 1_000) / elapsed).toFixed(4)
  return [
    dateFormat(recent.from),
    dateFormat(recent.to),
    (total.bytes / MEBIBYTE).toFixed(4),
    perSecond(recent.bytes / MEBIBYTE),
    perSecond(recent.records),
    total.records,
    elapsed,
  ].join(', ')
}
