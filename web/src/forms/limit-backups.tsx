import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'

const t = texts('backups')

/** How many backups a server may have: 0 for none, empty for no limit. */
export function BackupsLimit({
  most,
  error,
  disabled,
  onChange,
}: {
  most: number | null
  error: string | undefined
  disabled: boolean
  onChange: (most: number | null) => void
}) {
  return (
    <Field label={t('limit')} help={most === 0 ? t('limit.none') : t('limit.no_limit')} error={error}>
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={0}
          max={500}
          inputMode="numeric"
          disabled={disabled}
          value={most ?? ''}
          onChange={({ target: { value } }) =>
            onChange(value.trim() === '' ? null : Math.max(0, Math.trunc(Number(value)) || 0))
          }
        />
      )}
    </Field>
  )
}
