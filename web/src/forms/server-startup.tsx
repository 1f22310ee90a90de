import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { sessionQuery } from '~/api/queries'
import type { Server } from '~/api/types'
import { StartupPreview } from '~/components/startup-preview'
import { texts } from '~/i18n/texts'
import { Field, Select, Textarea } from '~/ui/field'
import { wrongValue } from '~/util/rules'
import { visible } from '~/util/visible'
import { SaveCard } from './save-card'
import { VariableFields } from './variables'

const t = texts('server_settings')

export function ServerStartupForm({ server }: { server: Server }) {
  const session = useQuery(sessionQuery)
  const admin = session.data?.user.admin ?? false
  const before = Object.fromEntries(server.variables.map((v) => [v.env, v.value]))
  const [values, setValues] = useState<Record<string, string>>(before)
  const [image, setImage] = useState(server.image)
  const [startup, setStartup] = useState(server.startup ?? '')
  const [errors, setErrors] = useState<Record<string, string>>({})
  const [tried, setTried] = useState(false)
  const changed = Object.fromEntries(Object.entries(values).filter(([env, value]) => value !== before[env]))
  const dirty =
    Object.keys(changed).length > 0 || image !== server.image || startup !== (server.startup ?? '')
  const off = server.permissions.includes('startup.update') ? false : t('startup.may_not')
  const defaults = Object.fromEntries(server.variables.map((v) => [v.env, v.default]))
  const filled = Object.fromEntries(
    Object.entries({ ...defaults, ...values }).map(([env, value]) => [env, value || defaults[env] || '']),
  )
  const known = server.images.some((i) => i.image === image)
  return (
    <SaveCard
      title={t('startup')}
      note={t('startup.note')}
      server={server}
      change={{
        ...(Object.keys(changed).length > 0 ? { variables: changed } : {}),
        ...(image !== server.image ? { image } : {}),
        ...(startup !== (server.startup ?? '') ? { startup } : {}),
      }}
      dirty={dirty}
      off={off}
      check={() => {
        setTried(true)
        return server.variables.every((v) => !wrongValue(v, values[v.env] ?? ''))
      }}
      onErrors={setErrors}
    >
      <Field label={t('image')} error={errors.image} help={<span className="mono">{image}</span>}>
        {(ids) => (
          <Select
            {...ids}
            value={image}
            disabled={off !== false || !server.permissions.includes('startup.docker-image')}
            onChange={(event) => setImage(event.target.value)}
          >
            {!known && <option value={image}>{image}</option>}
            {server.images.map((i) => (
              <option key={i.image} value={i.image}>
                {visible(i.label)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <VariableFields
        variables={server.variables}
        values={values}
        errors={errors}
        admin={admin}
        tried={tried}
        onChange={(env, value) => setValues((all) => ({ ...all, [env]: value }))}
      />
      {server.permissions.includes('admin.server.limits') && (
        <Field label={t('startup.command')} error={errors.startup}>
          {(ids) => (
            <Textarea
              {...ids}
              rows={2}
              spellCheck={false}
              value={startup}
              onChange={(event) => setStartup(event.target.value)}
              className="mono text-12!"
            />
          )}
        </Field>
      )}
      {startup && (
        <StartupPreview
          startup={startup}
          values={filled}
          wrong={
            new Set(server.variables.filter((v) => wrongValue(v, values[v.env] ?? '')).map((v) => v.env))
          }
        />
      )}
    </SaveCard>
  )
}
