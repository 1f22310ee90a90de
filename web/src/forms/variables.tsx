import { Lock } from 'lucide-react'
import type { EggVariable } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Switch } from '~/ui/bits'
import { Field, Input, Select } from '~/ui/field'
import { boolPair, ruleWords, wrongValue } from '~/util/rules'
import { visible, visibleLines } from '~/util/visible'

const t = texts('server_fields')

interface Props {
  variables: EggVariable[]
  values: Record<string, string>
  /** What the server said, by field: "variables.NAME" or "NAME". */
  errors: Record<string, string>
  /** Administrators may change what users may not. */
  admin: boolean
  /** Shows mistakes that are still being typed only after a first try. */
  tried: boolean
  onChange: (env: string, value: string) => void
}

function helpOf(variable: EggVariable): string | undefined {
  const rule = ruleWords(variable)
  return (
    [visibleLines(variable.description), rule]
      .filter(Boolean)
      .join(variable.description.endsWith('.') ? ' ' : '; ') || undefined
  )
}

/** The form that an egg's variables make: a field per variable, by its kind and limits. */
export function VariableFields({ variables, values, errors, admin, tried, onChange }: Props) {
  return (
    <div className="grid grid-cols-2 items-start gap-4 max-md:grid-cols-1">
      {variables
        .filter((variable) => admin || variable.user_viewable)
        .map((variable) => {
          const value = values[variable.env] ?? ''
          const locked = !admin && !variable.user_editable
          const wrong =
            errors[`variables.${variable.env}`] ??
            errors[variable.env] ??
            (tried || value !== '' ? wrongValue(variable, value) : undefined)
          const note = locked ? t('variable.locked') : variable.input.required ? undefined : t('optional')
          if (variable.input.kind === 'bool')
            return <BoolField key={variable.env} {...{ variable, value, locked, wrong, onChange }} />
          return (
            <Field
              key={variable.env}
              label={visible(variable.name)}
              note={note}
              help={helpOf(variable)}
              error={wrong}
            >
              {(ids) =>
                variable.input.kind === 'select' ? (
                  <Select
                    {...ids}
                    value={value || variable.default}
                    disabled={locked}
                    onChange={(event) => onChange(variable.env, event.target.value)}
                  >
                    {!variable.input.required && <option value="">{t('variable.none')}</option>}
                    {variable.input.options.map((option) => (
                      <option key={option} value={option}>
                        {visible(option)}
                      </option>
                    ))}
                  </Select>
                ) : (
                  <span className="relative block">
                    <Input
                      {...ids}
                      name={variable.env}
                      value={value}
                      disabled={locked}
                      inputMode={variable.input.kind === 'number' ? 'numeric' : undefined}
                      placeholder={visible(variable.default) || undefined}
                      spellCheck={false}
                      autoComplete="off"
                      onChange={(event) => onChange(variable.env, event.target.value)}
                      className={locked ? 'pl-8' : undefined}
                    />
                    {locked && (
                      <Lock
                        aria-hidden="true"
                        size={14}
                        className="absolute top-1/2 left-2.5 -translate-y-1/2 text-t3"
                      />
                    )}
                  </span>
                )
              }
            </Field>
          )
        })}
    </div>
  )
}

function BoolField({
  variable,
  value,
  locked,
  wrong,
  onChange,
}: {
  variable: EggVariable
  value: string
  locked: boolean
  wrong: string | undefined
  onChange: (env: string, value: string) => void
}) {
  const [on, off] = boolPair(variable)
  const checked = [on, '1', 'true', 'yes', 'on'].includes((value || variable.default).toLowerCase())
  return (
    <div>
      <div className="flex min-h-8 items-center justify-between gap-3 max-sm:min-h-11">
        <span className="font-medium">{visible(variable.name)}</span>
        <Switch
          label={visible(variable.name)}
          checked={checked}
          disabled={locked}
          onChange={(event) => onChange(variable.env, event.target.checked ? on : off)}
        />
      </div>
      <p className={`mt-1.5 text-12 ${wrong ? 'text-fail-fg' : 'text-t3'}`}>{wrong ?? helpOf(variable)}</p>
    </div>
  )
}
