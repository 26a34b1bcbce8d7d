//! [`Tries`]: a request to the API server that is made again where that may help.

use std::time::Duration;

use super::{ApiError, Backoff};

/// How often one request is made where nothing else is said: within some six seconds.
const TRIES_MAX: u32 = 6;

/// How often one request may still be made. The pauses grow; what a busy server says of when to come again is heeded.
#[derive(Clone, Debug)]
pub struct Tries {
    left: u32,
    pause_max: Duration,
    backoff: Backoff,
}

impl Default for Tries {
    fn default() -> Self {
        Self::of(TRIES_MAX, Duration::MAX)
    }
}

impl Tries {
    /// So many, with pauses that grow no longer than a bound.
    pub fn of(most: u32, pause_max: Duration) -> Self {
        Self { left: most.saturating_sub(1), pause_max, backoff: Backoff::default() }
    }

    /// Waits for the moment at which to try again after an error; gives the error back where that is of no use, or where it was
    /// tried often enough.
    pub async fn after(&mut self, error: ApiError) -> Result<(), ApiError> {
        if self.left == 0 || !error.is_transient() {
            return Err(error);
        }
        self.left -= 1;
        let asked = error.wait().unwrap_or_default();
        tokio::time::sleep(asked.max(self.backoff.next_within(self.pause_max))).await;
        Ok(())
    }
}

/// What came of a request in the end.
pub async fn tried<T, F>(mut ask: impl FnMut() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let mut tries = Tries::default();
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => tries.after(error).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_may_help_is_tried_so_often_and_no_more() {
        let mut tries = Tries::of(3, Duration::from_millis(1));
        assert_eq!(tries.after(ApiError::Timeout).await, Ok(()));
        assert_eq!(tries.after(ApiError::Timeout).await, Ok(()));
        assert_eq!(tries.after(ApiError::Timeout).await, Err(ApiError::Timeout));
        let forbidden = ApiError::Forbidden(String::new());
        assert_eq!(Tries::default().after(forbidden.clone()).await, Err(forbidden));
    }
}
