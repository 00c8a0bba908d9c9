//! What a function's return type tells.

use syn::visit_mut::{self, VisitMut};
use syn::{
    AssocType, GenericArgument, PathArguments, PathSegment, ReturnType, Token, Type, TypeInfer,
    TypeParamBound, parse_quote,
};

/// The declared type, `()` without one.
pub(crate) fn declared(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

/// The type as it may be written inside the function: with `_` for every `impl Trait`.
pub(crate) fn nameable(mut ty: Type) -> Type {
    struct Eraser;
    impl VisitMut for Eraser {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if matches!(ty, Type::ImplTrait(_)) {
                *ty = Type::Infer(TypeInfer {
                    underscore_token: <Token![_]>::default(),
                });
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    Eraser.visit_type_mut(&mut ty);
    ty
}

/// What a future yields, for a type that is one: `Some(Some(T))` for `Pin<Box<dyn Future<Output = T>>>`, `Box<dyn Future<..>>`,
/// `impl Future<..>` and `BoxFuture<T>`; `Some(None)` for such a type that does not name its output; `None` for other types.
pub(crate) fn future_output(ty: &Type) -> Option<Option<Type>> {
    match ty {
        Type::Paren(ty) => future_output(&ty.elem),
        Type::Group(ty) => future_output(&ty.elem),
        Type::ImplTrait(ty) => ty.bounds.iter().find_map(output_of_bound),
        Type::TraitObject(ty) => ty.bounds.iter().find_map(output_of_bound),
        Type::Path(ty) => {
            let segment = ty.path.segments.last()?;
            match segment.ident.to_string().as_str() {
                "Pin" | "Box" => future_output(last_type_argument(segment)?),
                "BoxFuture" | "LocalBoxFuture" => Some(last_type_argument(segment).cloned()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn output_of_bound(bound: &TypeParamBound) -> Option<Option<Type>> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let segment = bound.path.segments.last()?;
    if segment.ident != "Future" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Some(None);
    };
    Some(arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Output" => {
            Some(ty.clone())
        }
        _ => None,
    }))
}

fn last_type_argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments
        .args
        .iter()
        .rev()
        .find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;

    fn ty(text: &str) -> Type {
        syn::parse_str(text).unwrap()
    }

    fn text(ty: &Type) -> String {
        ty.to_token_stream().to_string().replace(' ', "")
    }

    #[test]
    fn impl_trait_is_erased_wherever_it_stands() {
        for (declared, expected) in [
            ("u8", "u8"),
            ("impl Debug + 'static", "_"),
            ("Result<impl Iterator<Item = u8>, E>", "Result<_,E>"),
            ("(impl A, [impl B; 2])", "(_,[_;2])"),
        ] {
            assert_eq!(text(&nameable(ty(declared))), expected);
        }
    }

    #[test]
    fn futures_are_known_by_their_type() {
        let output = |declared: &str| {
            future_output(&ty(declared)).map(|output| output.map(|output| text(&output)))
        };
        let known = |output: &str| Some(Some(output.to_owned()));
        for declared in [
            "::std::pin::Pin<Box<dyn ::std::future::Future<Output = u8> + Send + '_>>",
            "Pin<Box<dyn Future<Output = u8>>>",
            "Box<dyn Future<Output = u8> + Unpin>",
            "impl Future<Output = u8> + Send + 'static",
            "futures::future::BoxFuture<'static, u8>",
            "LocalBoxFuture<'_, u8>",
        ] {
            assert_eq!(output(declared), known("u8"), "{declared}");
        }
        assert_eq!(output("impl Future"), Some(None));
        for declared in [
            "u8",
            "Box<u8>",
            "Box<dyn Debug>",
            "Result<u8, E>",
            "impl Debug",
        ] {
            assert_eq!(output(declared), None, "{declared}");
        }
    }
}
