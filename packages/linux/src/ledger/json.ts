/** A value that survives JSON unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }

/** An object that survives JSON unchanged. Declare arguments with `type`, not `interface`, to be assignable. */
export type JsonObject = { readonly [key: string]: Json | undefined }
