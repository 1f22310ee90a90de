import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'
import { bytesText, fromMib, toMib } from '~/util/format'

const t = texts('upload_limit')

/** How large a file may be that is uploaded, in MiB; empty for what holds without it. */
export function UploadLimit({
  most,
  none,
  error,
  disabled = false,
  onChange,
}: {
  most: number | null
  /** What holds when it is empty. */
  none: string
  error: string | undefined
  disabled?: boolean
  onChange: (most: number | null) => void
}) {
  return (
    <Field
      label={t('limit')}
      note={t('mib')}
      help={most === null ? none : bytesText(most, true)}
      error={error}
    >
      {(ids) => (
        <Input
          {...ids}
          type="number"
          min={1}
          inputMode="numeric"
          disabled={disabled}
          value={most === null ? '' : toMib(most)}
          onChange={({ target: { value } }) =>
            onChange(value.trim() === '' ? null : fromMib(Math.max(1, Math.trunc(Number(value)) || 0)))
          }
        />
      )}
    </Field>
  )
}
