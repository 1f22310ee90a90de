import { useState } from 'react'
import type { Server } from '~/api/types'
import { Field, Input, Textarea } from '~/ui/field'
import { SaveCard } from './save-card'

export function ServerNameForm({ server }: { server: Server }) {
  const [name, setName] = useState(server.name)
  const [description, setDescription] = useState(server.description)
  const [errors, setErrors] = useState<Record<string, string>>({})
  const off = server.permissions.includes('settings.rename') ? false : 'You may not rename this server'
  return (
    <SaveCard
      title="Name"
      server={server}
      change={{ name: name.trim(), description }}
      dirty={name.trim() !== server.name || description !== server.description}
      off={off}
      onErrors={setErrors}
    >
      <Field label="Name" error={errors.name}>
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
      <Field label="Description" note="optional" error={errors.description}>
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
