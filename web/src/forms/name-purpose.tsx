import { texts } from '~/i18n/texts'
import { Field, Input } from '~/ui/field'

const t = texts('form_parts')

/** What a role or a plan is called and what it is for. */
export function NamePurposeFields({
  name,
  description,
  errors,
  fresh = false,
  off = false,
  onName,
  onDescription,
}: {
  name: string
  description: string
  errors: Record<string, string>
  /** Of one that is being made: the name is typed first. */
  fresh?: boolean
  off?: boolean
  onName: (name: string) => void
  onDescription: (description: string) => void
}) {
  return (
    <div className="grid grid-cols-2 gap-4 max-md:grid-cols-1">
      <Field label={t('name')} error={errors.name}>
        {(ids) => (
          <Input
            {...ids}
            autoFocus={fresh}
            maxLength={64}
            disabled={off}
            value={name}
            onChange={(event) => onName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('purpose')} note={t('optional')} error={errors.description}>
        {(ids) => (
          <Input
            {...ids}
            maxLength={512}
            disabled={off}
            value={description}
            onChange={(event) => onDescription(event.target.value)}
          />
        )}
      </Field>
    </div>
  )
}
