import { useState } from 'react'
import type { Server } from '~/api/types'
import { texts } from '~/i18n/texts'
import { Field, Input, Textarea } from '~/ui/field'
import { SaveCard } from './save-card'

const t = texts('server_settings')

export function ServerNameForm({ server }: { server: Server }) {
  const [name, setName] = useState(server.name)
  const [description, setDescription] = useState(server.description)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const off = server.permissions.includes('settings.rename') ? false : t('name.may_not')
  return (
    <SaveCard
      title={t('name')}
      server={server}
      change={{ name: name.trim(), description }}
      dirty={name.trim() !== server.name || description !== server.description}
      off={off}
      onErrors={setErrors}
    >
      <Field label={t('name')} error={errors.name}>
        {(ids) => (
          <Input
            {...ids}
            required
            maxLength={100}
            value={name}
            disabled={off !== false}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label={t('description')} note={t('optional')} error={errors.description}>
        {(ids) => (
          <Textarea
            {...ids}
            rows={2}
            value={description}
            disabled={off !== false}
            onChange={(event) => setDescription(event.target.value)}
          />
        )}
      </Field>
    </SaveCard>
  )
}
