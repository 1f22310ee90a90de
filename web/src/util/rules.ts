import type { EggVariable } from '~/api/types'
import { texts } from '~/i18n/texts'

const t = texts('server_fields')

/** A rule as people read it, for the help under a field; the ones a reader can't use are left out. */
export function ruleWords(variable: EggVariable): string | undefined {
  const { input } = variable
  const words: string[] = []
  if (input.kind === 'number') {
    if (input.min != null && input.max != null)
      words.push(t('rule.range', { min: input.min, max: input.max }))
    else if (input.min != null) words.push(t('rule.min', { min: input.min }))
    else if (input.max != null) words.push(t('rule.max', { max: input.max }))
  } else if (input.kind === 'text') {
    if (input.max_length != null) words.push(t('rule.length', { n: input.max_length }))
    if (variable.rules.some((rule) => rule.startsWith('regex:'))) words.push(t('rule.form'))
  }
  return words.length > 0 ? words.join(', ') : undefined
}

/**
 * What is plainly wrong with a value, judged by what the server has told us about the field. The full rules are
 * the server's; this only spares a round trip.
 */
export function wrongValue(variable: EggVariable, value: string): string | undefined {
  const { input } = variable
  if (value === '') return input.required && variable.default === '' ? t('wrong.needed') : undefined
  if (input.kind === 'number') {
    const number = Number(value)
    if (!Number.isFinite(number) || value.trim() === '') return t('wrong.number')
    if (input.min != null && number < input.min) return t('wrong.min', { min: input.min })
    if (input.max != null && number > input.max) return t('wrong.max', { max: input.max })
  }
  if (input.kind === 'text' && input.max_length != null && [...value].length > input.max_length) {
    return t('wrong.length', { max: input.max_length, n: [...value].length })
  }
  if (input.kind === 'select' && input.options.length > 0 && !input.options.includes(value))
    return t('wrong.list')
  return undefined
}

/** Eggs write booleans as 1, 0, true or false; the form keeps the pair that the egg uses. */
export function boolPair(variable: EggVariable): [on: string, off: string] {
  const [off, on] = variable.input.options
  if (off !== undefined && on !== undefined) return [on, off]
  return ['true', 'false'].includes(variable.default) ? ['true', 'false'] : ['1', '0']
}

/** A startup line with its variables put in, as it will run; parts that stem from a variable carry its name. */
export function startupParts(
  startup: string,
  values: Record<string, string>,
): Array<{ text: string; env?: string }> {
  const parts: Array<{ text: string; env?: string }> = []
  let done = 0
  for (const found of startup.matchAll(/\{\{\s*([\w.]+)\s*\}\}|\$\{(\w+)\}/g)) {
    const env = (found[1] ?? found[2] ?? '').replace(/^(?:server\.build\.env\.|env\.)/, '')
    const value = values[env]
    if (value === undefined) continue
    if (found.index > done) parts.push({ text: startup.slice(done, found.index) })
    parts.push({ text: value, env })
    done = found.index + found[0].length
  }
  if (done < startup.length) parts.push({ text: startup.slice(done) })
  return parts
}

export function startupPreview(startup: string, values: Record<string, string>): string {
  return startupParts(startup, values)
    .map((part) => part.text)
    .join('')
}
